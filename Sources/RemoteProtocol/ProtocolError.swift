/// Why an answer of the stub was refused.
public enum ProtocolError: Error, Equatable {
  /// Before anything else came bytes that belong to no packet.
  case notAGDBServer(said: [UInt8])
  /// Bytes outside packets, after good ones.
  case noise([UInt8], awaiting: Request?)
  /// A packet that cannot be trusted, and the first of its bytes.
  case corrupted(Corruption, start: [UInt8], awaiting: Request?)
  /// The stub saw a bad checksum in our packet.
  case notAccepted(Request)
  /// The stub accepted the packet, then the next one, and did not answer: it was lost or the guest
  /// ran on.
  case unanswered(Request)
  /// A reply that this request cannot have, or one shorter than asked for.
  case unexpectedReply([UInt8], to: Request)
  /// An acknowledgement or a reply that answers nothing.
  case unrequested([UInt8])
  /// The last reply once more: a stub that waits for our `+`, as gdbserver and kgdb do.
  case repeated([UInt8])
  /// The text that a monitor command prints is longer than the limit, in bytes.
  case monitorOutputTooLong(MonitorCommand, limit: Int)
  /// The stream ended, or the time was up, before all replies were in.
  case incomplete(awaiting: Request, answered: Int, of: Int, unfinished: [UInt8])
}

extension ProtocolError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAGDBServer(let said):
      "not a gdbserver: it answered \"\(said.excerpt)\""
    case .noise(let bytes, let request):
      "bytes outside any packet\(before(request)): \"\(bytes.excerpt)\""
    case .corrupted(let corruption, let start, let request):
      "corrupted packet\(before(request)): \(corruption): \"\(start.excerpt)\""
    case .notAccepted(let request):
      "the stub refused the checksum of \(request)"
    case .unanswered(let request):
      "no reply to \(request), though the stub went on to the next packet"
    case .unexpectedReply(let payload, let request):
      "unexpected reply to \(request): \"\(payload.excerpt)\""
    case .unrequested(let bytes):
      "a reply that nothing asked for: \"\(bytes.excerpt)\""
    case .repeated(let payload):
      "not QEMU: the stub sent its reply again, as one does that waits for acknowledgements: "
        + "\"\(payload.excerpt)\""
    case .monitorOutputTooLong(let command, let limit):
      "the output of `\(command.text)` is longer than \(limit) bytes"
    case .incomplete(let request, let answered, let count, let unfinished):
      "no reply to \(request) (\(answered) of \(count) answered)"
        + (unfinished.isEmpty ? "" : ", only \"\(unfinished.excerpt)\"")
    }
  }

  private func before(_ request: Request?) -> String {
    request.map { " instead of the reply to \($0)" } ?? ""
  }
}

extension [UInt8] {
  /// The beginning as printable text without the end of the line.
  fileprivate var excerpt: String {
    var line = prefix(64)
    while line.last == UInt8(ascii: "\n") || line.last == UInt8(ascii: "\r") { line.removeLast() }
    return Array(line).traceText + (count > 64 ? "…" : "")
  }
}
