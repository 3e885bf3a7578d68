import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What was read of a part of an answer, or why it could not be.
typealias AnswerPart<T> = Result<T, any Error>

extension Result {
  var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

extension Walk {
  /// Reads a part of an answer; see `MemoryView.part`.
  func part<T>(
    _ name: String, _ read: () throws(ReadFault) -> T
  ) throws(ReadFault) -> AnswerPart<T> {
    try view.part(name, read).mapError { $0 }
  }

  /// - Parameter reader: what reads it, where this kernel has what it takes.
  func part<Reader, T>(
    _ name: String, by reader: Result<Reader, any Error>,
    _ read: (Reader) throws(ReadFault) -> T
  ) throws(ReadFault) -> AnswerPart<T> {
    switch reader {
    case .success(let reader): try part(name) { () throws(ReadFault) in try read(reader) }
    case .failure(let error): .failure(error)
    }
  }

  func part<T>(
    _ name: String, by read: Result<(Walk) throws(ReadFault) -> T, any Error>
  ) throws(ReadFault) -> AnswerPart<T> {
    try part(name, by: read) { read throws(ReadFault) in try read(self) }
  }
}
