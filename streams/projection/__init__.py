"""From events to rows: pure, total, and the same however often it is done."""
