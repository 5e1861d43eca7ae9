"""The shop itself: its settings, its people, their tokens, its reason tags."""
