"""What the shop tells us: customers, products, orders. Upserted by the shop's own keys."""
