// Makes file operations of a program fail, one after the other: a library of its own, which a test loads into the program
// with LD_PRELOAD. The program knows nothing of it; what it does is said by environment variables:
//
//     FILE_FAULTS_FOLDER   operations on this path, as the program names it, and on all below it count
//     FILE_FAULTS_ONLY     only those whose path ends with this count; with a ! before it, only the others
//     FILE_FAULTS_AT       the first that fails, from 1
//     FILE_FAULTS_MODE     error: that one, with EIO; full: that one and all that need room from there on, with ENOSPC, after half
//                          of a write; full:N: only the next N of them; kill: the process dies there, after half of a write
//     FILE_FAULTS_LOG      every operation that counts is added to this file, a line each: number, name, path
//
// Counted are open (for writing, or of a folder), write, fsync, ftruncate, rename, link, unlink, mkdir, rmdir and symlink.
#pragma once
