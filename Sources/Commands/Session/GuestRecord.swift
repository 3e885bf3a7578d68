import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// What a session leaves for the next one that asks the same guest: where its kernel is, and the
/// memory that its answers were made of. Guides, which the stop of the next answer proves or refutes.
struct GuestRecord {
  /// See `GuestSource.incarnation`.
  var incarnation: [Int]
  var kernel: RememberedKernel
  var memory: RememberedMemory

  /// - Throws: `RecordReader.End` for bytes that are not such a record.
  init(
    _ bytes: [UInt8], _ architecture: KernelFacts.Architecture
  ) throws(RecordReader.End) {
    var reader = RecordReader(bytes)
    incarnation = try reader.list { reader throws(RecordReader.End) in try reader.number() }
    kernel = try RememberedKernel(from: &reader, architecture)
    memory = try RememberedMemory(from: &reader)
    guard reader.isAtEnd else { throw RecordReader.End() }
  }

  init(incarnation: [Int], kernel: RememberedKernel, memory: RememberedMemory) {
    (self.incarnation, self.kernel, self.memory) = (incarnation, kernel, memory)
  }

  var bytes: [UInt8] {
    var writer = RecordWriter()
    writer.add(incarnation) { $0.add($1) }
    kernel.write(to: &writer)
    memory.write(to: &writer)
    return writer.bytes
  }

  /// True when the other one is of the same kernel and has no more memory. What the memory holds does
  /// not count, as it changes all the time.
  func says(asMuchAs other: GuestRecord) -> Bool {
    incarnation == other.incarnation && kernel.isSame(as: other.kernel)
      && memory.ranges == other.memory.ranges
  }
}
