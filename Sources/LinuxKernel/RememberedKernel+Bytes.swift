import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// What is remembered of a kernel, as bytes of a file.
extension RememberedKernel {
  public func write(to record: inout RecordWriter) {
    record.add(architecture.rawValue)
    record.add(buildID)
    record.add(slide)
    location.write(to: &record)
    record.add(root.rawValue)
    record.add(windows) { record, window in
      record.add(window.name)
      record.add(window.virtual.lowerBound)
      record.add(window.virtual.upperBound)
      record.add(window.displacement)
    }
    record.add([pageOffset].compactMap { $0 }) { $0.add($1) }
    record.add(variables.sorted { $0.key < $1.key }) { record, variable in
      record.add(variable.key)
      record.add(variable.value)
    }
    record.add(cpuIDs)
    record.add(cpus) { record, cpu in
      record.add(cpu.id)
      record.add(cpu.offset)
    }
    record.add(vcpus)
    record.add(watchedCPU)
    seen.write(to: &record)
  }

  /// - Throws: `RecordReader.End` for bytes that are not of such a kernel.
  public init(from record: inout RecordReader) throws(RecordReader.End) {
    typealias End = RecordReader.End
    guard let architecture = KernelFacts.Architecture(rawValue: try record.text()) else {
      throw End()
    }
    self.architecture = architecture
    buildID = try record.data()
    slide = try record.word()
    location = try KernelLocation(from: &record, architecture)
    root = PhysicalAddress(try record.word())
    windows = try record.list { record throws(End) in
      let (name, lower, upper) = (try record.text(), try record.word(), try record.word())
      guard lower <= upper else { throw End() }
      return .init(name: name, virtual: lower...upper, displacement: try record.word())
    }
    pageOffset = try record.list { record throws(End) in try record.word() }.first
    variables = Dictionary(
      try record.list { record throws(End) in (try record.text(), try record.word()) },
      uniquingKeysWith: { first, _ in first })
    cpuIDs = try record.number()
    cpus = try record.list { record throws(End) in
      CPU(id: try record.number(), offset: try record.word())
    }
    (vcpus, watchedCPU) = (try record.number(), try record.number())
    seen = try RememberedMemory(from: &record)
    let limit = Int(GuestKernel.cpuLimit)
    guard (1...limit).contains(cpuIDs), (0...limit).contains(vcpus) else { throw End() }
  }
}

extension KernelLocation {
  fileprivate func write(to record: inout RecordWriter) {
    record.add(start.rawValue)
    record.add(displacement)
    record.add(control)
    record.add(tables.root.rawValue)
    record.add(segments) { record, segment in
      record.add(segment.virtual.rawValue)
      record.add(segment.physical.rawValue)
      record.add(segment.count)
      record.add((segment.isWritable ? 1 : 0) | (segment.isExecutable ? 2 : 0))
    }
  }

  fileprivate init(
    from record: inout RecordReader, _ architecture: KernelFacts.Architecture
  ) throws(RecordReader.End) {
    start = KernelVirtualAddress(try record.word())
    displacement = try record.word()
    control = try record.word()
    guard let format = architecture.rules.pageTableFormat(control) else {
      throw RecordReader.End()
    }
    tables = PageTables(format, root: PhysicalAddress(try record.word()))
    segments = try record.list { record throws(RecordReader.End) in
      let (virtual, physical) = (try record.word(), try record.word())
      let (count, flags) = (try record.word(), try record.number())
      return PageTables.Mapping(
        virtual: KernelVirtualAddress(virtual), physical: PhysicalAddress(physical), count: count,
        isWritable: flags & 1 != 0, isExecutable: flags & 2 != 0)
    }
  }
}
