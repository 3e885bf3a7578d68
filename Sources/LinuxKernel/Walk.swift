import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// One pass over a guest's kernel: what a walker needs to read it.
public final class Walk {
  public let kernel: GuestKernel
  public let view: MemoryView
  private var knownCPUs: [CPU]?

  public init(_ kernel: GuestKernel, in view: MemoryView) {
    (self.kernel, self.view) = (kernel, view)
  }

  /// True when all bytes are of one instant, so that a contradiction is the guest's own. In
  /// discovery, whose bytes are of many instants, a walker goes on all the same.
  public var isSnapshot: Bool { view.isSnapshot }

  /// The CPUs that have per-CPU variables (`for_each_possible_cpu()`), ascending.
  public var cpus: [CPU] {
    get throws(ReadFault) {
      if let knownCPUs { return knownCPUs }
      let offsets = try symbol(GuestKernel.perCPUOffsets)
      let cpus = try CPU.all(at: offsets, count: kernel.cpuIDs, in: view)
      knownCPUs = cpus
      return cpus
    }
  }

  /// The address of a variable of the kernel.
  ///
  /// - Throws: `Unreadable.Reason.lacking` where the kernel has no such symbol.
  public func symbol(_ name: String) throws(ReadFault) -> KernelVirtualAddress {
    do throws(KernelError) { return try kernel.address(of: name) } catch {
      throw .unreadable(Unreadable(.lacking("\(error)"), at: 0))
    }
  }

  // MARK: Structures

  /// - Throws: `Unreadable.Reason.lacking` where this kernel's structure is another one.
  func layout<Struct: KernelStruct>(
    of declaration: Struct.Type, type: BTF.TypeID? = nil, by layouts: StructLayouts? = nil
  ) throws(ReadFault) -> StructLayout<Struct> {
    let layouts = layouts ?? kernel.layouts
    do throws(BTFError) { return try layouts.layout(of: declaration, type: type) } catch {
      throw .unreadable(Unreadable(.lacking("\(error)"), at: 0))
    }
  }

  /// Reads the declared members of an object.
  public func read<Struct: KernelStruct>(
    _ declaration: Struct.Type, at address: KernelVirtualAddress
  ) throws(ReadFault) -> KernelObject<Struct> {
    try read(try layout(of: declaration), at: address)
  }

  /// The same by layouts that are not those of this kernel's own types: a module has others.
  public func read<Struct: KernelStruct>(
    _ declaration: Struct.Type, at address: KernelVirtualAddress, by layouts: StructLayouts
  ) throws(ReadFault) -> KernelObject<Struct> {
    try read(try layout(of: declaration, by: layouts), at: address)
  }

  /// The same of a structure that is a variable of the kernel.
  public func read<Struct: KernelStruct>(
    _ declaration: Struct.Type, symbol name: String
  ) throws(ReadFault) -> KernelObject<Struct> {
    try read(declaration, at: try symbol(name))
  }

  func read<Struct: KernelStruct>(
    _ layout: StructLayout<Struct>, at address: KernelVirtualAddress
  ) throws(ReadFault) -> KernelObject<Struct> {
    let parts = try view.each(layout.parts) { part throws(ReadFault) in
      try view.bytes(at: address + part.lowerBound, count: part.count)[...]
    }
    return KernelObject(address: address, layout: layout, walk: self, parts: parts)
  }

  /// The same of what stays as it is while the object `lasting` lives: see `MemoryView.lasting`.
  func read<Struct: KernelStruct>(
    _ layout: StructLayout<Struct>, at address: KernelVirtualAddress, lasting: ObjectKey?
  ) throws(ReadFault) -> KernelObject<Struct> {
    guard let lasting else { return try read(layout, at: address) }
    let part = ObjectKey(layout.name, id: 0, at: address)
    let parts = try view.lasting(part, of: lasting) { () throws(ReadFault) in
      let object = try read(layout, at: address)
      return try Struct.isComplete(object, of: lasting) ? object.parts : nil
    }
    guard let parts, parts.map(\.count) == layout.parts.map(\.count) else {
      return try read(layout, at: address)
    }
    return KernelObject(
      address: address, layout: layout, walk: self, parts: parts, lasting: lasting)
  }

  /// Reads an object that stays as it is as long as the kernel's table has it under this number. Each
  /// snapshot must have that entry of the table.
  public func readLasting<Struct: KernelStruct>(
    _ declaration: Struct.Type, _ key: ObjectKey
  ) throws(ReadFault) -> KernelObject<Struct> {
    try readLasting(declaration, at: key.address, of: key)
  }

  /// The same of another structure that belongs to it.
  public func readLasting<Struct: KernelStruct>(
    _ declaration: Struct.Type, at address: KernelVirtualAddress, of owner: ObjectKey
  ) throws(ReadFault) -> KernelObject<Struct> {
    // Another boot may have another object under this number at this address.
    try read(
      try layout(of: declaration), at: address, lasting: kernel.bootWord == nil ? nil : owner)
  }

  /// `sizeof`, in bytes.
  public func size(of declaration: (some KernelStruct).Type) throws(ReadFault) -> Int {
    try layout(of: declaration).size
  }

  /// The same of a structure of which nothing is declared.
  public func size(ofStruct name: String) throws(ReadFault) -> Int {
    do throws(BTFError) { return try kernel.layouts.size(of: name) } catch {
      throw .unreadable(Unreadable(.lacking("\(error)"), at: 0))
    }
  }

  /// True when this kernel has the member.
  public func has<Struct: KernelStruct>(
    _ member: KeyPath<Struct, some DeclaredMember>
  ) throws(ReadFault) -> Bool { try layout(of: Struct.self).has(member) }

  /// Bytes of a member; nil where this kernel lacks it.
  public func size<Struct: KernelStruct>(
    of member: KeyPath<Struct, some DeclaredMember>
  ) throws(ReadFault) -> Int? { try layout(of: Struct.self).members[keyPath: member].place?.size }

  /// Bytes from the start of a structure to a member; nil where this kernel lacks it.
  public func offset<Struct: KernelStruct>(
    of member: KeyPath<Struct, some DeclaredMember>
  ) throws(ReadFault) -> Int? { try layout(of: Struct.self).members[keyPath: member].place?.offset }

  /// What a read gives; nil where it asks for what this kernel lacks.
  public func ifKnown<T>(
    _ read: @autoclosure () throws(ReadFault) -> T?
  ) throws(ReadFault) -> T? {
    do throws(ReadFault) { return try read() } catch {
      if case .unreadable(let cause) = error, case .lacking = cause.reason { return nil }
      throw error
    }
  }

  /// Each CPU's own structure at a per-CPU pointer (`per_cpu_ptr()` of
  /// include/linux/percpu-defs.h).
  public func copies<Struct: KernelStruct>(
    of pointer: KernelVirtualAddress, as declaration: Struct.Type
  ) throws(ReadFault) -> [(cpu: CPU, object: KernelObject<Struct>)] {
    let layout = try layout(of: declaration)
    return try view.each(try cpus) { cpu throws(ReadFault) in
      (cpu, try read(layout, at: cpu.address(of: pointer)))
    }
  }

  /// What `body` makes of each CPU's own structure. Each is an object of the view: a guest may have more CPUs
  /// than one stop can look at.
  ///
  /// - Parameter noun: what messages call the structure, before the number of its CPU.
  public func copies<Struct: KernelStruct, T>(
    of pointer: KernelVirtualAddress, as declaration: Struct.Type, called noun: String,
    _ body: (CPU, KernelObject<Struct>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let layout = try layout(of: declaration)
    let found = try view.each(try cpus) { cpu throws(ReadFault) in
      let address = cpu.address(of: pointer)
      return try view.object(ObjectKey(noun, id: UInt64(cpu.id), at: address)) {
        () throws(ReadFault) in
        try body(cpu, try read(layout, at: address))
      } ?? nil
    }
    return found.compactMap { $0 }
  }

  // MARK: Text

  /// NUL-terminated text, at most 512 bytes of it; invalid UTF-8 is replaced.
  public func text(at address: KernelVirtualAddress) throws(ReadFault) -> String {
    var bytes: [UInt8] = []
    while bytes.count < Self.mostText, !bytes.contains(0) {
      let start = address + bytes.count
      // What follows the text may be on a page that is not there.
      let restOfPage = 4096 - Int(start.rawValue & 0xfff)
      bytes += try view.bytes(at: start, count: min(Self.textStep, restOfPage))
    }
    return bytes.nulTerminatedText
  }

  private static let mostText = 512
  /// Nearly all names are shorter.
  private static let textStep = 64
}
