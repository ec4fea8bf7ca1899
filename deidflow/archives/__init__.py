"""Archives in a source: listed and streamed within bounds, never unpacked beside the source."""
