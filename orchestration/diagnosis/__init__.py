"""Whether the installation and a company's state are sound, and how to mend what is not; the command `doctor`."""
