import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A structure of the kernel that has an id in one of the tables of BPF objects.
public protocol NumberedStruct: KernelStruct {
  /// The symbol of the table, a `struct idr`: `map_idr`.
  static var table: String { get }
  /// What messages call the object: `map`.
  static var noun: String { get }
  var id: Member<UInt32> { get }
}

/// `prog_idr`, `map_idr`, `link_idr` and `btf_idr` of kernel/bpf/syscall.c and btf.c: objects by
/// ascending id, each of which is read by itself, so that a damaged one takes no other with it.
public struct IDTable<Object: NumberedStruct>: Sendable {
  public let layout: StructLayout<Object>
  private let idr: IDR

  /// - Throws: `KernelError.symbolNotFound` for a kernel without the table.
  public init(_ kernel: GuestKernel) throws(KernelError) {
    let address = try kernel.address(of: Object.table)
    do throws(BTFError) {
      layout = try StructLayout(kernel.btf)
      idr = IDR(at: address, try IDR.Layout(kernel.btf))
    } catch {
      throw .btf(error)
    }
  }

  /// What `body` makes of the objects; one that is unreadable is left out, counted and named.
  ///
  /// - Parameter id: the only one that is wanted; nil for all.
  public func compactMap<T>(
    id: UInt64? = nil, in view: MemoryView,
    _ body: (KernelObject<Object>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    try idr.compactMap(id: id, in: view) { entry throws(ReadFault) in
      let key = ObjectKey(Object.noun, id: entry.index, at: entry.pointer)
      let value: T?? = try view.object(key) { () throws(ReadFault) in
        let object = try layout.read(at: entry.pointer, in: view)
        // An id of 0 is an object that is just coming or going: for user space it is not there.
        // Discovery, whose bytes are of many instants, goes on whatever the id is.
        if view.isSnapshot, UInt64(object.id) != entry.index {
          guard object.id != 0 else { return nil }
          throw .corrupt("struct \(Object.kernelName) with id \(object.id)", at: entry.pointer)
        }
        return try body(object)
      }
      return value ?? nil
    }
  }
}
