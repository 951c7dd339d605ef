import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** Which image a revision is, where its reference is a tag that may move. */
@Injectable()
export class ImageDigests {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Of all engines that have resolved the tag for this revision the first one decides. Returns its digest, which every replica of
   * the revision runs. Outside of the lock of the deployment: an engine waits for the answer, and one statement decides.
   */
  async choose(deploymentId: string, revision: number, digest: string): Promise<string> {
    const [rows] = await this.dataSource.query<[{ digest: string }[], number]>(
      `UPDATE deployment_revisions SET image_digest = coalesce(image_digest, $3)
        WHERE deployment_id = $1 AND number = $2 RETURNING image_digest AS digest`,
      [deploymentId, revision, digest],
    );
    return rows[0]?.digest ?? digest;
  }
}
