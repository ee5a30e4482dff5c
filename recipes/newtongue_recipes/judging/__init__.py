"""`newtongue evaluate`: what is asked, how it is asked and looked at, what is said of it."""
