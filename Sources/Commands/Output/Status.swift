/// The exit statuses of the program, a contract with scripts.
enum Status {
  static let answered: Int32 = 0
  static let failed: Int32 = 1
  static let partial: Int32 = 2
  static let violation: Int32 = 3
  /// Something that was to be judged could not be measured.
  static let unmeasured: Int32 = 4
  static let usage: Int32 = 64
  static let interrupted: Int32 = 128 + 2
  static let brokenPipe: Int32 = 128 + 13

  /// The worse of two: a wrong command says least of the guest, a part of an answer most.
  static func worse(_ a: Int32, _ b: Int32) -> Int32 {
    let ascending = [answered, partial, unmeasured, violation, failed, usage]
    func rank(_ status: Int32) -> Int { ascending.firstIndex(of: status) ?? ascending.count }
    return rank(a) >= rank(b) ? a : b
  }
}
