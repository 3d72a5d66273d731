"""HTML as it is seen: what styles make of a page, where its boxes stand, and in which order their texts are read."""
