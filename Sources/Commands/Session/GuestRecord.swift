import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a session leaves for the next one that asks the same guest: where its kernel is, and the
/// memory that its answers were made of, which the stop of the next answer proves or refutes.
struct GuestRecord {
  /// See `GuestSource`.
  var incarnation: [Int]
  var machine: [UInt8]
  var kernel: RememberedKernel
  var memory: RememberedMemory

  /// - Throws: `RecordReader.End` for bytes that are not such a record.
  init(_ bytes: [UInt8]) throws(RecordReader.End) {
    var reader = RecordReader(bytes)
    incarnation = try reader.list { reader throws(RecordReader.End) in try reader.number() }
    machine = try reader.data()
    kernel = try RememberedKernel(from: &reader)
    memory = try RememberedMemory(from: &reader)
    guard reader.isAtEnd else { throw RecordReader.End() }
  }

  init(_ source: any GuestSource, kernel: RememberedKernel, memory: RememberedMemory) {
    (incarnation, machine) = (source.incarnation, source.machineRecord)
    (self.kernel, self.memory) = (kernel, memory)
  }

  var bytes: [UInt8] {
    var writer = RecordWriter()
    writer.add(incarnation) { $0.add($1) }
    writer.add(machine)
    kernel.write(to: &writer)
    memory.write(to: &writer)
    return writer.bytes
  }

  /// True when the other one is of the same kernel, and has no more memory and objects. What the memory holds does
  /// not count, as it changes all the time.
  func says(asMuchAs other: GuestRecord) -> Bool {
    incarnation == other.incarnation && machine == other.machine
      && kernel.isSame(as: other.kernel)
      && memory.ranges == other.memory.ranges && memory.objects == other.memory.objects
  }
}
