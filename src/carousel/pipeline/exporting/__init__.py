"""Results in the forms that other programs read: an RO-Crate, JUnit, a badge."""
