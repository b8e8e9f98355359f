"""The screens: the Pod, details, help, what is not seen, comparison, and the choice of a Pod."""
