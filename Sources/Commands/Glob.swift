import Glibc

/// True when a name matches a shell pattern.
func matches(_ name: String, glob: String) -> Bool { unsafe fnmatch(glob, name, 0) == 0 }
