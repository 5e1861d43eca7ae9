"""A shop to try the engine on: generated, seeded, in Chinese and English.

Read in this order: `command` (start and end), `folder` (what lies on the disk), `shop`, `people`
and `products`, `trade` (orders), `history` (refunds of the past), `script`, `steps` and `stage`
(live refunds, played through the flow), `tokens`, `welcome` (what is printed).
"""
