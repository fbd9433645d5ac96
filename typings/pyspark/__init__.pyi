# What is used of PySpark, which is not installed where types are checked.
