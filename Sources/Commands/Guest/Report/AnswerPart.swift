import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What was read of a part of an answer, or why it could not be.
typealias AnswerPart<T> = Result<T, any Error>

extension Result {
  var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

extension Walk {
  /// Reads a part of an answer, all of it from one instant. Where the part is unreadable, or changes faster
  /// than it can be read, the answer lacks that part alone.
  ///
  /// - Parameter name: another one for each part of the answer.
  func part<T>(
    _ name: String, _ read: () throws(ReadFault) -> T
  ) throws(ReadFault) -> AnswerPart<T> {
    let part = try view.object(.part(name)) { () throws(ReadFault) -> AnswerPart<T> in
      do throws(ReadFault) { return .success(try read()) } catch .unreadable(let cause) {
        return .failure(cause)
      }
    }
    return part ?? .failure(Unreadable(.moving, at: 0))
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

extension ObjectKey {
  private static let partOfAnswer = "part of the answer: "

  fileprivate static func part(_ name: String) -> ObjectKey {
    ObjectKey(partOfAnswer + name, id: 0, at: KernelVirtualAddress(0))
  }

  /// It is not an object of the guest, and says itself what it lacks.
  var isPartOfAnswer: Bool { kind.hasPrefix(Self.partOfAnswer) }
}
