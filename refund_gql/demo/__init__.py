"""A shop to try the engine on: generated, seeded, in Chinese and English."""
