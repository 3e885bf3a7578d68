import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a global variable, or a part of it, or of what it points to, holds.
public struct GlobalValue: Sendable {
  public var variable: GlobalVariable
  /// From the variable on.
  public var path: MemberPath
  public var content: Result<Content, Unreadable>

  public struct Content: Sendable {
    /// What is at the end of the path. Beyond a pointer into the kernel its types are the kernel's.
    public var object: UntypedObject
    public var bytes: [UInt8]
    public var value: KernelValue
  }
}

extension BPFObjects {
  /// What was found of the globals that were asked for.
  public struct Globals {
    /// By ascending id of their maps, and in a map in the order of its section.
    public var values: [GlobalValue] = []
    /// Those whose type has no such members.
    public var misfits: [BTFError] = []
    /// All globals that there are.
    public var all: [GlobalVariable] = []
  }

  /// The global variables of all programs, by ascending id of their maps.
  public func globals() throws(KernelError) -> Snapshot<[GlobalVariable]> {
    try globals { _ in nil }.map(\.all)
  }

  /// Reads globals, and of a large one no more than the path names.
  ///
  /// - Parameter path: from a variable on; nil for one that is not wanted.
  public func globals(
    _ path: @escaping (GlobalVariable) -> MemberPath?
  ) throws(KernelError) -> Snapshot<Globals> {
    let table: ObjectTable = try ObjectTable(.map, kernel)
    return try snapshot { walk throws(ReadFault) in
      let maps = try table.compactMap(in: walk.view) { entry throws(ReadFault) in
        try walk.view.object(table.key(of: entry)) { () throws(ReadFault) in
          try walk.globals(of: try walk.globals(ofMap: entry), path)
        }
      }
      return maps.compactMap { $0 }.reduce(into: Globals()) { sum, map in
        sum.values += map.values
        sum.misfits += map.misfits
        sum.all += map.all
      }
    }
  }
}

private typealias Way = (route: MemberRoute, btf: BTF)

extension Walk {
  /// Which variables a map has never changes, nor where they are: the snapshot reads nothing of the
  /// map but those that are wanted.
  fileprivate func globals(ofMap entry: XArray.Entry) throws(ReadFault) -> [GlobalVariable] {
    let key = ObjectKey("globals of map", id: entry.index, at: entry.pointer)
    return try view.constant(key) { () throws(ReadFault) in
      let map = try read(BPFMapStruct.self, at: entry.pointer)
      guard kernel.mapTypes[map.mapType] == "array" else { return [] }
      guard UInt64(map.id) == entry.index else {
        throw .corrupt("struct bpf_map with another id, \(map.id)", at: entry.pointer)
      }
      return try map.globals()
    }
  }

  fileprivate func globals(
    of all: [GlobalVariable], _ path: (GlobalVariable) -> MemberPath?
  ) throws(ReadFault) -> BPFObjects.Globals {
    var found = BPFObjects.Globals(all: all)
    var wanted: [(variable: GlobalVariable, path: MemberPath, way: Way)] = []
    for variable in all {
      guard let path = path(variable) else { continue }
      do throws(BTFError) {
        let way = try variable.btf.route(path, from: variable.type, kernel: kernel.btf)
        wanted.append((variable, path, way))
      } catch {
        found.misfits.append(error)
      }
    }
    found.values = try view.each(wanted) { wanted throws(ReadFault) in
      GlobalValue(
        variable: wanted.variable, path: wanted.path,
        content: try content(of: wanted.variable, wanted.way))
    }
    return found
  }

  /// A pointer that is NULL or leads astray takes no other variable with it.
  fileprivate func content(
    of variable: GlobalVariable, _ way: Way
  ) throws(ReadFault) -> Result<GlobalValue.Content, Unreadable> {
    do throws(ReadFault) {
      let start = UntypedObject(way.btf, type: way.route.type, at: variable.address)
      let object = try start.follow(way.route, in: view)
      let bytes = try object.bytes(in: view)
      return .success(
        .init(object: object, bytes: bytes, value: try object.value(of: bytes, in: view)))
    } catch .unreadable(let cause) {
      return .failure(cause)
    }
  }
}
