"""The first figure of the page: which way an LSTM's gradient comes back, by forget bias, with a control."""
