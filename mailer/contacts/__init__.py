"""Contact sheets become contacts: any sheet the staff have, every row accounted for."""

from mailer.contacts.book import ContactBook, load_contacts
from mailer.contacts.contact import Contact

__all__ = ["Contact", "ContactBook", "load_contacts"]
