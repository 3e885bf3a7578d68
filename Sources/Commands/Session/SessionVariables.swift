import GuestScopeGDBStub

/// Environment variables that stand for options that were not given.
extension SessionOptions {
  /// Where to connect: `--connect`, or else `GUESTSCOPE_CONNECT`, or else what `qemu -s` opens.
  ///
  /// - Throws: `UsageError` for a variable that does not say where.
  var target: StubTarget {
    get throws(UsageError) {
      if let connect { return connect }
      let variable = environment("GUESTSCOPE_CONNECT")
      guard !variable.isEmpty else { return .qemuDefault }
      do { return try StubTarget(userText: variable) } catch {
        throw UsageError("GUESTSCOPE_CONNECT is '\(variable)': \(error)")
      }
    }
  }

  /// The guest's kernel: `--kernel`, or else `GUESTSCOPE_KERNEL`; nil where neither says it.
  var kernelFile: String? {
    let variable = environment("GUESTSCOPE_KERNEL")
    return kernel ?? (variable.isEmpty ? nil : variable)
  }
}
