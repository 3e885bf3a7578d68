/// Environment variables that stand for options that were not given.
extension SessionOptions {
  /// The guest that commands ask: that of `--connect`, or else `GUESTSCOPE_CONNECT`, or else where
  /// `qemu -s` listens.
  ///
  /// - Throws: `UsageError` for a variable that does not say which.
  var address: GuestAddress {
    get throws(UsageError) {
      let address = if let connect { connect } else { try addressOfVariable }
      guard address == .all, let one = OneOfAll.current else { return address }
      return .process(one.pid)
    }
  }

  private var addressOfVariable: GuestAddress {
    get throws(UsageError) {
      let variable = environment("GUESTSCOPE_CONNECT")
      guard !variable.isEmpty else { return .standard }
      do { return try GuestAddress(userText: variable) } catch {
        throw UsageError("GUESTSCOPE_CONNECT: \(error)")
      }
    }
  }

  /// Somebody has said which guest is meant.
  var namesGuest: Bool { connect != nil || !environment("GUESTSCOPE_CONNECT").isEmpty }

  /// The guest's kernel: `--kernel`, or else `GUESTSCOPE_KERNEL`; nil where neither says it.
  var kernelFile: String? {
    let variable = environment("GUESTSCOPE_KERNEL")
    return kernel ?? (variable.isEmpty ? nil : variable)
  }
}
