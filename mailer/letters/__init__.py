"""An appeal and a person become words, and the words become the bytes of a message."""
