/// An entry of a BPF map, as the system call BPF_MAP_LOOKUP_ELEM gives it.
public struct MapEntry: Hashable, Sendable {
  /// As many bytes as the map's keys have; nil in a map without keys.
  public var key: [UInt8]?
  public var value: Value
  /// What is there, of which the value is no more than a number or an error; nil for an empty slot.
  public var slot: MapSlot?

  public enum Value: Hashable, Sendable {
    case bytes([UInt8])
    /// Of each possible CPU, ascending.
    case perCPU([[UInt8]])
    /// The id of the program that a slot holds.
    case program(UInt32)
    /// The id of the map that a slot holds.
    case map(UInt32)
    /// What the system call answers for a key that it lists and cannot look up: a number of
    /// include/uapi/asm-generic/errno*.h.
    case error(Int32)
    /// Of a queue or a stack: what is popped first has the index 0.
    case queued(index: Int, [UInt8])
    case record(RingbufRecord)
    /// The only one of a bloom filter.
    case bloom(BloomFill)
    case page(ArenaPage)
    /// What a task, an inode, a socket or a cgroup has of a storage.
    case owned(by: Owner, [UInt8])
  }

  /// Whose storage it is.
  public enum Owner: Hashable, Sendable {
    /// A thread, by its number in the root pid namespace.
    case task(pid: UInt32, comm: String)
    /// The file system by the name of its device, or of its type; the path is that of the first mount
    /// namespace, nil for a file without one.
    case inode(number: UInt64, fileSystem: String, path: String?)
    /// A number of AF_… of include/linux/socket.h; the cookie is 0 as long as the socket has none.
    case socket(family: UInt16, cookie: UInt64)
    /// The path is from the root of its hierarchy.
    case cgroup(id: UInt64, path: String)
  }

  public init(key: [UInt8]?, _ value: Value, slot: MapSlot? = nil) {
    (self.key, self.value, self.slot) = (key, value, slot)
  }

  /// The entry of an array.
  init(index: Int, _ value: Value, slot: MapSlot? = nil) {
    self.init(key: UInt32(truncatingIfNeeded: index).littleEndianBytes, value, slot: slot)
  }
}

/// A record in a ring buffer that was not consumed yet.
public struct RingbufRecord: Hashable, Sendable {
  /// The position of its header in the stream of all that was ever written, in bytes.
  public var offset: UInt64
  /// Bytes of data.
  public var length: Int
  /// Its program is still writing it.
  public var isBusy: Bool
  /// Its program threw it away; a consumer skips it.
  public var isDiscarded: Bool
  public var data: [UInt8]
}

extension MapEntry {
  /// ENOENT, ENOSPC, EOPNOTSUPP and the kernel's own ENOTSUPP.
  enum Errno {
    static let noEntry: Int32 = 2
    static let noSpace: Int32 = 28
    static let operationNotSupported: Int32 = 95
    static let notSupported: Int32 = 524
  }
}

extension FixedWidthInteger {
  /// Lowest first.
  public var littleEndianBytes: [UInt8] {
    (0..<bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> Self($0 * 8)) }
  }
}
