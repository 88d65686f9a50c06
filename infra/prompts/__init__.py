"""What providers are asked, by kind of event: `KIND-VERSION.txt`, read by `loading`."""
