import GuestScopeBytes
import GuestScopeKernelImage

/// What is kept of a kernel besides its facts.
enum KernelField: UInt32 {
  case facts = 1
  /// XXH64 of the facts: two files with the same contents have the same.
  case checksum
  case name
  case kind
}

/// What is kept of a kernel file.
enum FileField: UInt32 {
  case path = 1
  case device, inode, size, modified, changed
  case kind
  case buildID
  /// Of the facts that were read from it: another file of this kernel may have had less in it.
  case checksum
}

extension KernelCache {
  /// The facts of the kernel with this build-id. Their origin is the file that they were read from,
  /// in whichever run that was.
  public func facts(buildID: [UInt8]) -> KernelFacts? {
    Self.name(ofBuildID: buildID).flatMap { read(.kernels, $0) }.flatMap { facts(buildID, in: $0) }
  }

  /// The facts of a kernel in the contents of its file.
  func facts(_ buildID: [UInt8], in contents: SharedBytes) -> KernelFacts? {
    guard let fields = TaggedFields<KernelField>(contents), let name = fields[text: .name],
      let kind = fields[text: .kind].flatMap(KernelFacts.Origin.Kind.init(rawValue:))
    else { return nil }
    return facts(fields, KernelFacts.Origin(name: name, kind: kind, isKept: true), buildID)
  }

  /// The facts that were stored of a file that has not changed since; their origin is the file as it
  /// is called now.
  public func facts(of file: FileIdentity) -> KernelFacts? {
    guard let record = read(.files, file.key).flatMap(TaggedFields<FileField>.init),
      FileIdentity(record)?.isSameFile(as: file) == true, let buildID = record[.buildID],
      let kind = record[text: .kind].flatMap(KernelFacts.Origin.Kind.init(rawValue:)),
      let fields = kernel(Array(buildID)), fields[number: .checksum] == record[number: .checksum]
    else { return nil }
    let origin = KernelFacts.Origin(name: file.path, kind: kind, isKept: true)
    return facts(fields, origin, Array(buildID))
  }

  /// Keeps the facts of a kernel, unless it has no build-id.
  public func store(_ facts: KernelFacts) { _ = keep(facts) }

  /// Keeps the facts that were read of a file, unless it has changed meanwhile.
  ///
  /// - Parameter file: made before the file was read.
  public func store(_ facts: KernelFacts, of file: FileIdentity) {
    guard let buildID = facts.buildID, let checksum = keep(facts),
      !file.mayChangeUnseen, FileIdentity(path: file.path)?.isSameFile(as: file) == true
    else { return }
    var record = file.record
    record[text: .kind] = facts.origin.kind.rawValue
    record[.buildID] = SharedBytes(buildID)
    record[number: .checksum] = checksum
    write(.files, file.key, record.bytes)
  }

  /// Returns the checksum of the facts; nil where they cannot be kept.
  private func keep(_ facts: KernelFacts) -> UInt64? {
    guard let name = facts.buildID.flatMap(Self.name(ofBuildID:)) else { return nil }
    let stored = facts.stored
    let checksum = stored.checksum
    var fields = TaggedFields<KernelField>()
    fields[.facts] = stored
    fields[number: .checksum] = checksum
    fields[text: .name] = facts.origin.name
    fields[text: .kind] = facts.origin.kind.rawValue
    guard write(.kernels, name, fields.bytes) else { return nil }
    keepNote(of: facts, name)
    return checksum
  }

  private func kernel(_ buildID: [UInt8]) -> TaggedFields<KernelField>? {
    Self.name(ofBuildID: buildID).flatMap { read(.kernels, $0) }.flatMap { TaggedFields($0) }
  }

  /// Nil where the file is another kernel's, which somebody has renamed.
  private func facts(
    _ fields: TaggedFields<KernelField>, _ origin: KernelFacts.Origin, _ buildID: [UInt8]
  ) -> KernelFacts? {
    guard let stored = fields[.facts], let facts = KernelFacts(stored: stored, origin: origin),
      facts.buildID == buildID
    else { return nil }
    return facts
  }

  /// Nil for bytes that cannot be a build-id, which is a hash, of 20 bytes as a rule.
  private static func name(ofBuildID buildID: [UInt8]) -> String? {
    (4...64).contains(buildID.count) ? buildID.hex : nil
  }
}

extension FileIdentity {
  /// The name of its record: a file that changes has the same.
  var key: String {
    let place = SharedBytes(count: 16) { $0.append(littleEndian: [device, inode]) }
    return place.checksum.paddedHex(16)
  }

  fileprivate var record: TaggedFields<FileField> {
    var record = TaggedFields<FileField>()
    record[text: .path] = path
    record[number: .device] = device
    record[number: .inode] = inode
    record[number: .size] = size
    record[number: .modified] = modified
    record[number: .changed] = changed
    return record
  }

  init?(_ record: TaggedFields<FileField>) {
    guard let path = record[text: .path], let device = record[number: .device],
      let inode = record[number: .inode], let size = record[number: .size],
      let modified = record[number: .modified], let changed = record[number: .changed]
    else { return nil }
    (self.path, self.device, self.inode, self.size) = (path, device, inode, size)
    (self.modified, self.changed, mayChangeUnseen) = (modified, changed, false)
  }
}
