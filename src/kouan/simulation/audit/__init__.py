"""The auditor's own books and rules: plain Python, written from the modules' READMEs and sharing no rule with them."""
