async def demo() -> None:
    """Run."""
