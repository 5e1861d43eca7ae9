"""What goes out after the commit: texts to customers, webhooks to the shop's own systems."""
