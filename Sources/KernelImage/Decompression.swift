import CGuestScopeArchive
import Glibc

/// A compression that kernels come in, by the first bytes of the stream (scripts/Makefile.lib,
/// lib/decompress.c).
enum Compression: String, CaseIterable {
  case gzip, xz, zstd, lz4, bzip2, lzma, lzo

  init?(_ bytes: ArraySlice<UInt8>) {
    guard let found = Self.allCases.first(where: { $0.magics.contains { bytes.starts(with: $0) } })
    else { return nil }
    self = found
  }

  private var magics: [[UInt8]] {
    switch self {
    case .gzip: [[0x1f, 0x8b]]
    case .xz: [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]]
    case .zstd: [[0x28, 0xb5, 0x2f, 0xfd]]
    case .lz4: [[0x02, 0x21, 0x4c, 0x18], [0x04, 0x22, 0x4d, 0x18]]
    case .bzip2: [[0x42, 0x5a, 0x68]]
    case .lzma: [[0x5d, 0x00, 0x00]]
    case .lzo: [[0x89, 0x4c, 0x5a, 0x4f]]
    }
  }
}

/// The uncompressed bytes of one stream, through libarchive's "raw" format.
///
/// Expanding stops soon after `limit` bytes: a longer result says that there were more.
func decompress(
  _ stream: ArraySlice<UInt8>, _ compression: Compression, sizeHint: Int, limit: Int
) throws(KernelImageError.Reason) -> [UInt8] {
  guard let archive = archive_read_new() else { throw .unreadable(errno: ENOMEM) }
  defer { archive_read_free(archive) }
  let status =
    switch compression {
    case .gzip: archive_read_support_filter_gzip(archive)
    case .xz: archive_read_support_filter_xz(archive)
    case .zstd: archive_read_support_filter_zstd(archive)
    case .lz4: archive_read_support_filter_lz4(archive)
    case .bzip2: archive_read_support_filter_bzip2(archive)
    case .lzma: archive_read_support_filter_lzma(archive)
    case .lzo: ARCHIVE_FATAL
    }
  // ARCHIVE_WARN says that this libarchive would start an external program, as for lzo always.
  guard status == ARCHIVE_OK else { throw .unsupportedCompression(compression.rawValue) }
  archive_read_support_format_raw(archive)

  var output: [UInt8] = []
  output.reserveCapacity(min(sizeHint, limit))
  // libarchive keeps the pointer until it is freed, so all of its work is done in here.
  let failure = stream.withUnsafeBytes { input -> KernelImageError.Reason? in
    func badStream() -> KernelImageError.Reason {
      let text = archive_error_string(archive).map { String(cString: $0) } ?? "no reason given"
      let offset = stream.startIndex + Int(archive_filter_bytes(archive, -1))
      return .badStream(text, format: compression.rawValue, offset: offset)
    }
    var entry: OpaquePointer?
    guard archive_read_open_memory(archive, input.baseAddress, input.count) == ARCHIVE_OK,
      archive_read_next_header(archive, &entry) == ARCHIVE_OK
    else { return badStream() }
    while true {
      var block: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      switch archive_read_data_block(archive, &block, &count, &offset) {
      case ARCHIVE_EOF: return nil
      case ARCHIVE_OK, ARCHIVE_WARN:
        output.append(contentsOf: UnsafeRawBufferPointer(start: block, count: count))
        if output.count > limit { return nil }
      default: return badStream()
      }
    }
  }
  if let failure { throw failure }
  return output
}
