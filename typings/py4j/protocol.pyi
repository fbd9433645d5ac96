class Py4JJavaError(Exception):
    java_exception: object
