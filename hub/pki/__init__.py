"""Who is who: a certificate authority of our own, and the broker's settings that follow from it."""
