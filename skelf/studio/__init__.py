"""`skelf studio`: label long recordings in a browser with a model's help."""
