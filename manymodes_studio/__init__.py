"""The browser front end over all packages: hear melodies and drums, type in a typeface, send sounds, judge sets."""
