"""Every compiled function of nfloat, and nowhere else. The rules are in README.md beside this file."""
