"""Incremental backups of files with restic."""

from upkeep.backups.files.packs import FolderPacks, Packs, S3Packs
from upkeep.backups.files.repository import Repository
from upkeep.backups.files.restic import ResticFiles

__all__ = ["FolderPacks", "Packs", "Repository", "ResticFiles", "S3Packs"]
