"""Contact sheets become contacts: any sheet the staff have, every row accounted for."""
