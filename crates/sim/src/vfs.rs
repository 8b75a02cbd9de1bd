//! [`Disk`] as a SQLite file system, registered under a name of its own.
//!
//! It has no shared memory, so a connection must use `locking_mode=EXCLUSIVE`, and no locks, as one process at a time
//! uses it. **Invariant:** all `unsafe` of the simulation is here, and only translates: <https://www.sqlite.org/vfs.html>.
#![allow(unsafe_code, reason = "SQLite's file systems are tables of C functions")]

use crate::disk::{Disk, DiskError, Handle};
use rusqlite::ffi;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A registered file system; gone when dropped. Connections must be closed before.
pub struct Vfs {
    name: String,
    table: Box<ffi::sqlite3_vfs>,
    _name: CString,
    _disk: Arc<Disk>,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Vfs {
    /// # Panics
    /// When SQLite refuses to register it.
    pub fn register(disk: Arc<Disk>) -> Vfs {
        let name = format!("postrider-sim-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let c_name = CString::new(name.clone()).unwrap_or_default();
        let mut table = Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: size_of::<OpenFile>() as c_int,
            mxPathname: 512,
            pNext: std::ptr::null_mut(),
            zName: c_name.as_ptr(),
            pAppData: Arc::as_ptr(&disk).cast_mut().cast::<c_void>(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: SQLite keeps the pointer until `drop` unregisters it; the box, the name and the disk live as long.
        let code = unsafe { ffi::sqlite3_vfs_register(&raw mut *table, 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite refused the file system");
        Vfs { name, table, _name: c_name, _disk: disk }
    }
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        // SAFETY: registered in `register`, once.
        unsafe { ffi::sqlite3_vfs_unregister(&raw mut *self.table) };
    }
}

/// What SQLite allocates for an open file: its table of functions, then ours.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    disk: *const Disk,
    handle: *mut Handle,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// # Safety
/// `vfs` is a table that [`Vfs::register`] made.
unsafe fn disk_of<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Disk {
    // SAFETY: `pAppData` points into the Arc that the `Vfs` holds.
    unsafe { &*(*vfs).pAppData.cast::<Disk>() }
}

/// # Safety
/// `file` was opened by [`open`] and is not closed.
unsafe fn parts<'a>(file: *mut ffi::sqlite3_file) -> (&'a Disk, &'a Handle) {
    let file = file.cast::<OpenFile>();
    // SAFETY: `open` set both, `close` alone frees the handle.
    unsafe { (&*(*file).disk, &*(*file).handle) }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn text(name: *const c_char) -> String {
    if name.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

fn code(result: Result<(), DiskError>, io: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(DiskError::Full) => ffi::SQLITE_FULL,
        Err(DiskError::Io | DiskError::Stale) => io,
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes our table, and `szOsFile` bytes for the file; `out_flags` may be null.
    unsafe {
        let disk = disk_of(vfs);
        let file = file.cast::<OpenFile>();
        (*file).base.pMethods = std::ptr::null();
        // A nameless temporary file would mean that memory was not used for it.
        let name = Some(text(name)).filter(|n| !n.is_empty());
        let Some(handle) = name.and_then(|n| disk.open(&n, flags & ffi::SQLITE_OPEN_CREATE != 0)) else {
            return ffi::SQLITE_CANTOPEN;
        };
        (*file).disk = disk;
        (*file).handle = Box::into_raw(Box::new(handle));
        (*file).base.pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that `open` opened, once.
    unsafe {
        let file = file.cast::<OpenFile>();
        drop(Box::from_raw((*file).handle));
        (*file).base.pMethods = std::ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _sync_dir: c_int) -> c_int {
    // SAFETY: as SQLite calls it.
    match unsafe { disk_of(vfs).delete(&text(name)) } {
        Some(()) => ffi::SQLITE_OK,
        None => ffi::SQLITE_IOERR_DELETE_NOENT,
    }
}

unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: as SQLite calls it.
    unsafe { *out = c_int::from(disk_of(vfs).exists(&text(name))) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `name` is a C string, `out` has `size` bytes.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > size as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    // SAFETY: `out` has `size` bytes. Only WAL salts come from here; any bytes do.
    unsafe { std::ptr::write_bytes(out, 0x5A, size as usize) };
    size
}
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}
unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: as SQLite calls it. No SQL of ours asks for the time.
    unsafe { *out = 2_461_000.5 };
    ffi::SQLITE_OK
}
unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    size: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file and a buffer of `size` bytes.
    let (disk, handle) = unsafe { parts(file) };
    let into = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), size as usize) };
    match disk.read(handle, offset as usize, into) {
        Ok(n) if n == into.len() => ffi::SQLITE_OK,
        Ok(n) => {
            // SQLite wants the rest zeroed.
            into.iter_mut().skip(n).for_each(|b| *b = 0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    size: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file and `size` bytes.
    let (disk, handle) = unsafe { parts(file) };
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size as usize) };
    code(disk.write(handle, offset as usize, from), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: an open file.
    let (disk, handle) = unsafe { parts(file) };
    code(disk.truncate(handle, size as usize), ffi::SQLITE_IOERR_TRUNCATE)
}
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: an open file.
    let (disk, handle) = unsafe { parts(file) };
    code(disk.sync(handle), ffi::SQLITE_IOERR_FSYNC)
}
unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: an open file.
    let (disk, handle) = unsafe { parts(file) };
    let Ok(n) = disk.len(handle) else { return ffi::SQLITE_IOERR_FSTAT };
    // SAFETY: as SQLite calls it.
    unsafe { *out = n as ffi::sqlite3_int64 };
    ffi::SQLITE_OK
}
unsafe extern "C" fn lock(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}
unsafe extern "C" fn check_reserved_lock(_: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: as SQLite calls it.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}
unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}
unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    512
}
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}
