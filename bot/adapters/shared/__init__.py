"""What every chat platform needs alike. Nothing here knows one of them."""
