/// Expands run lengths (`0*"` is `0000`) and undoes escapes (`}]` is `}`) in a payload.
///
/// Run lengths are expanded first, as in gdb's `remote_target::read_frame`, so a run after an
/// escape repeats the byte that was written, not the one that was meant. The escape at its head
/// still takes just one of them.
///
/// - Parameter limit: the most bytes of the result; a few bytes can stand for 97 times as many.
func expandPayload(_ wire: ArraySlice<UInt8>, limit: Int) throws(Corruption) -> [UInt8] {
  var payload: [UInt8] = []
  payload.reserveCapacity(min(wire.count, limit))
  var last: UInt8?
  var isEscaped = false

  func append(_ byte: UInt8) {
    if isEscaped {
      payload.append(byte ^ 0x20)
      isEscaped = false
    } else if byte == UInt8(ascii: "}") {
      isEscaped = true
    } else {
      payload.append(byte)
    }
  }

  var index = wire.startIndex
  while index < wire.endIndex {
    if wire[index] == UInt8(ascii: "*") {
      // The count is printable: 29 more than the repeats, of which fewer than 3 save nothing.
      guard let last, index + 1 < wire.endIndex, (32...126).contains(wire[index + 1])
      else { throw .encoding }
      let repeats = Int(wire[index + 1]) - 29
      for _ in 0..<repeats { append(last) }
      index += 2
    } else {
      append(wire[index])
      last = wire[index]
      index += 1
    }
    guard payload.count <= limit else { throw .tooLong(limit: limit) }
  }
  guard !isEscaped else { throw .encoding }
  return payload
}
