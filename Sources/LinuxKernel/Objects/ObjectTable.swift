import GuestScopeBTF
import GuestScopeGuestMemory

/// Objects that the kernel numbers, and finds by their number: BPF programs, maps, links and BTFs,
/// and tasks.
public struct ObjectTable: Sendable {
  public enum Kind: String, Hashable, CaseIterable, Sendable {
    case prog, map, link, btf
    /// By its pid in the root pid namespace; threads are among them.
    case task

    /// What messages call an object.
    public var noun: String {
      switch self {
      case .prog: "program"
      case .btf: "BTF object"
      case .map, .link, .task: rawValue
      }
    }

    /// The variable that is the table, or that has it: `map_idr`.
    public var symbol: String { self == .task ? "init_pid_ns" : "\(self)_idr" }

    /// What messages call its number.
    var numberNoun: String { self == .task ? "pid" : "id" }
  }

  public let kind: Kind
  private let idr: IDR
  private let tasks: TaskLinks?

  /// - Throws: `KernelError.symbolNotFound` for a kernel without the table.
  public init(_ kind: Kind, _ kernel: GuestKernel) throws(KernelError) {
    self.kind = kind
    let start = try kernel.address(of: kind.symbol)
    do throws(BTFError) {
      let layout = try IDR.Layout(kernel.btf)
      tasks = kind == .task ? try TaskLinks(kernel.btf) : nil
      // Since 4.15 (commit 95846ecf9dac): before, pids were in a hash table.
      let offset =
        kind == .task ? try kernel.btf.requiredField("idr", of: "pid_namespace").offset : 0
      idr = IDR(at: start + offset, layout)
    } catch {
      throw .btf(error)
    }
  }

  /// What `body` makes of the entries, by ascending number.
  ///
  /// - Parameters:
  ///   - ids: those that are wanted; nil for all.
  ///   - check: see `XArray.compactMap`.
  public func compactMap<T>(
    _ ids: Set<UInt64>? = nil, in view: MemoryView,
    check: ([XArray.Entry]) throws(ReadFault) -> Void = { _ in },
    _ body: (XArray.Entry) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] { try idr.compactMap(ids, in: view, check: check, body) }

  /// What a view and messages call the object of an entry.
  public func key(of entry: XArray.Entry) -> ObjectKey {
    ObjectKey(kind.noun, id: entry.index, at: entry.pointer)
  }

  /// Where the object with a number is.
  ///
  /// - Throws: `ReadFault.missing` when there is none.
  public func address(
    of id: UInt64, in view: MemoryView
  ) throws(ReadFault) -> KernelVirtualAddress {
    let found = try compactMap([id], in: view) { entry throws(ReadFault) in
      try object(entry.pointer, in: view)
    }
    if let address = found.first { return address }
    // A node of the table that is still to be read, or damaged, hides what hangs on it.
    if view.hasMisses { throw .miss }
    if let damaged = view.unreadableObjects.last { throw .unreadable(damaged.cause) }
    throw .missing(
      "the guest has no \(kind.noun) with \(kind.numberNoun) \(id)", at: idr.address)
  }

  /// What `body` makes of all objects, by ascending number; gets the number and the address. Each is
  /// an object of the view.
  ///
  /// - Parameter ids: those that are wanted; nil for all.
  public func objects<T>(
    _ ids: Set<UInt64>? = nil, in view: MemoryView, _ body: (XArray.Entry) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    try compactMap(ids, in: view) { entry throws(ReadFault) in
      try view.object(key(of: entry)) { () throws(ReadFault) in
        guard let address = try object(entry.pointer, in: view) else { return nil }
        return try body(XArray.Entry(index: entry.index, pointer: address))
      } ?? nil
    }
  }

  /// The numbers of all objects, ascending.
  public func ids(in view: MemoryView) throws(ReadFault) -> [UInt64] {
    try objects(in: view) { $0.index }
  }

  /// What an entry of the table leads to; nil when it is another kind of number.
  private func object(
    _ entry: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> KernelVirtualAddress? {
    try tasks.map { tasks throws(ReadFault) in try tasks.task(of: entry, in: view) } ?? entry
  }
}

/// The way from `struct pid` to the task with that number, as `pid_task()` of kernel/pid.c goes it.
private struct TaskLinks: Sendable {
  /// Bytes from the start of `struct pid` to `tasks[PIDTYPE_PID].first`.
  var first: Int
  /// Bytes from the start of `struct task_struct` to `pid_links[PIDTYPE_PID]`.
  var link: Int

  init(_ btf: BTF) throws(BTFError) {
    // PIDTYPE_PID of `enum pid_type` (include/linux/pid.h) is 0.
    first = try btf.requiredField("tasks[0].first", of: "pid").offset
    // Since 4.19 (commit 2c4704756cab): before, each had a `struct pid_link` around it.
    link = try btf.requiredField("pid_links[0]", of: "task_struct").offset
  }

  /// Nil for a number that only a process group or a session has.
  func task(
    of pid: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> KernelVirtualAddress? {
    let node = try view.pointer(at: pid + first)
    return node.rawValue == 0 ? nil : node + -link
  }
}
