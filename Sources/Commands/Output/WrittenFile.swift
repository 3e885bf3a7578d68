import FoundationEssentials
import Glibc

/// Writes a file: with `.atomic` a reader sees the old one or the new one, with
/// `.withoutOverwriting` it must be new.
///
/// - Throws: `CommandError` with the path and the reason.
func writeFile(_ path: String, _ text: String, _ options: Data.WritingOptions) throws {
  do { try Data(text.utf8).write(to: URL(filePath: path), options: options) } catch {
    let cause = (error as? CocoaError)?.underlying as? POSIXError
    let reason = cause.map { unsafe String(cString: strerror($0.code.rawValue)) } ?? "\(error)"
    var failure = CommandError("cannot write \(path): \(reason)")
    failure.isOfOutput = true
    throw failure
  }
}
