"""Pure renderers: what was found, as text or as JSON. They know no exit status and print nothing."""
