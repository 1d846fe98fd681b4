"""Who may do what: people, sessions, tokens, roles; everything that the web faces ask before they answer."""
