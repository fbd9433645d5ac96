# What is used of PySpark, which is not installed where types are checked.
# What is used of PySpark, which is not installed where types are checked.
class StorageLevel:
    DISK_ONLY: StorageLevel
