"""The words on the wire: frozen events and commands, their codec, their published schemas."""
