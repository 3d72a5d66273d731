"""Exact data match: whose record stands in a mail, told by keyed digests of a site's own values, none of them kept."""
