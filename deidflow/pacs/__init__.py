"""Archives around a run: studies are fetched and received, published sessions are sent."""
